"""`moorage doctor`: finds out what is wrong, and says what to do."""

import asyncio
from dataclasses import asdict
from typing import Final

import typer

from moorage.cli.diagnosis.finding import Finding, Health
from moorage.cli.diagnosis.machine import examine_clients, examine_data_folder
from moorage.cli.diagnosis.server import examine_server
from moorage.cli.exit_code import ExitCode
from moorage.cli.login import LoginOptions
from moorage.cli.options import DEFAULT_DATA, AsUser, CredentialsFile, Data, Json, Server, TokenFile
from moorage.cli.output import print_json, print_text

MARKS: Final = {Health.OK: "ok", Health.WARNING: "warning", Health.FAILED: "FAILED", Health.SKIPPED: "skipped"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)


def doctor(
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Examine a registry and this machine: reachability, challenge, clock, token round trip, file modes, clients.

    \b
    moorage doctor
    moorage doctor --as alice
    moorage doctor --server https://registry.example.com --token-file token.txt
    """
    login = LoginOptions(server, user, credentials, token_file).login()
    findings = [*asyncio.run(examine_server(login)), examine_data_folder(data), *examine_clients(login.server)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print(findings)
    if any(finding.health is Health.FAILED for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        print_text(f"{MARKS[finding.health]:<8} {finding.title}: {finding.seen}")
        if finding.remedy:
            print_text(f"{'':<8} {finding.remedy}")
