"""A closed-loop HTTP/1.1 load engine: one thread, epoll, raw sockets. No general client.

It costs ten to twenty microseconds a request and next to nothing a byte, since client and server share the machine:
heads are bytes that are built once, bodies go out by sendfile(2) from a page-cached file, and bodies that nobody wants
are dropped in the kernel (MSG_TRUNC).
"""
