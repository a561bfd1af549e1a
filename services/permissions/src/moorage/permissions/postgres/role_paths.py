"""Every path by which users have roles on repositories: the one place where paths are defined (authorization.md §1.4).

Check takes the maximum over them, explain shows them, "who can" asks for all users at once. A group or project that was
never announced gives nothing yet (E1). Restrictions (the repository's state, bounds, scopes) are filters after it.
"""


def role_paths(ws: str, repository: str, usr: str | None = None) -> str:
    """A query for the paths to the repository; the arguments are SQL, `usr` a comparison: "= $2", "= ANY($2)".

    Without `usr` it finds the paths of all users. Columns: arm, usr, role, grp, node, and of the fact that gives the
    role seq, ver, ev, by_whom, at.
    """

    def of(column: str) -> str:
        return f"AND {column} {usr}" if usr else ""

    def by_group(node: str, least: str) -> str:
        """Grants to groups and who is in these: of all users, or looked up for each of the groups of some."""
        if usr is None:
            return f"""JOIN grant_fact AS g ON g.ws = {ws} AND g.node = {node} AND g.role {least}
            JOIN group_member AS m ON m.ws = {ws} AND m.grp = g.grantee AND m.present {_LIVE}"""
        return f"""JOIN group_member AS m ON m.ws = {ws} AND m.usr {usr} AND m.present
            JOIN LATERAL (SELECT * FROM grant_fact
                          WHERE ws = {ws} AND node = {node} AND grantee = m.grp AND role {least} OFFSET 0) AS g ON true
            {_LIVE}"""  # noqa: S608 - constants

    direct = of("g.grantee")
    return f"""
    SELECT 'owner' AS arm, g.usr, g.role, NULL::integer AS grp, g.ws AS node, {_SET}
    FROM workspace_member AS g WHERE g.ws = {ws} AND g.role = 3 {of("g.usr")}
    UNION ALL
    SELECT 'owner_group', m.usr, g.role, g.grantee, g.node, {_SET}
    FROM (SELECT) AS once {by_group(ws, "= 3")}
    UNION ALL
    SELECT 'repository', g.grantee, g.role, NULL, g.node, {_SET}
    FROM grant_fact AS g
    WHERE g.ws = {ws} AND g.node = {repository} AND g.role > 0 AND g.grantee_kind = 'user' {direct}
    UNION ALL
    SELECT 'project', g.grantee, g.role, NULL, g.node, {_SET}
    {_PROJECT} JOIN grant_fact AS g ON g.node = r.project
    WHERE r.id = {repository} AND g.ws = {ws} AND g.role > 0 AND g.grantee_kind = 'user' {direct}
    UNION ALL
    SELECT 'repository_group', m.usr, g.role, g.grantee, g.node, {_SET}
    FROM (SELECT) AS once {by_group(repository, "> 0")}
    UNION ALL
    SELECT 'project_group', m.usr, g.role, g.grantee, g.node, {_SET}
    {_PROJECT} {by_group("r.project", "> 0")}
    WHERE r.id = {repository}
    """  # noqa: S608 - constants


PATH_IN_WORDS = """
    SELECT path.arm, path.role, path.seq, path.ver, path.ev, path.by_whom, path.at,
           w.ext AS workspace, w_row.slug AS workspace_slug, u.id AS usr_alias, u.ext AS usr,
           g.ext AS grp, grp.slug AS grp_slug,
           m.seq AS member_seq, m.ver AS member_ver, m.ev AS member_ev, m.by_whom AS member_by, m.at AS member_at,
           n.ext AS node, project.key AS project_key, r.ext AS repository, repo.slug AS repository_slug,
           repo.seq AS repository_seq, repo.ver AS repository_ver, repo.ev AS repository_ev,
           repo.by_whom AS repository_by, repo.at AS repository_at
"""
NAMES_ON_PATHS = """
    JOIN alias AS w ON w.id = $1
    JOIN workspace AS w_row ON w_row.id = $1
    JOIN alias AS r ON r.id = $3
    JOIN repository AS repo ON repo.id = $3
    JOIN alias AS n ON n.id = path.node
    LEFT JOIN alias AS g ON g.id = path.grp
    LEFT JOIN grp ON grp.id = path.grp
    LEFT JOIN group_member AS m ON m.ws = $1 AND m.usr = u.id AND m.grp = path.grp
    LEFT JOIN project ON project.id = path.node
"""
"""The facts of a path with the names of what they speak of: `path` and the user `u` in workspace $1, repository $3."""
_SET = "g.seq, g.ver, g.ev, g.by_whom, g.at"
_LIVE = "JOIN grp ON grp.id = g.grantee AND grp.state IN (1, 2)"
_PROJECT = "FROM repository AS r JOIN project AS p ON p.id = r.project AND p.state IN (1, 2)"
