"""Since when, by which event and by whom a value is set: what a renewal of its version must not lose (§4)."""


def stamped(table: str, same: str | None = None) -> str:
    """The assignments of an upsert beside those of the value; `same` says in SQL whether the value stays as it was."""
    same = same or f"{table}.fingerprint = excluded.fingerprint"
    kept = (f"{each} = CASE WHEN {same} THEN {table}.{each} ELSE excluded.{each} END" for each in _SET_BY_A_CHANGE)
    return ", ".join(("ver = excluded.ver", "fingerprint = excluded.fingerprint", "src = excluded.src", *kept))


_SET_BY_A_CHANGE = ("seq", "ev", "by_whom", "at")
