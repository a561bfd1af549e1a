"""What `moorage doctor` makes of what it sees."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from moorage.cli.diagnosis.challenge import Challenge, ChallengeInvalid, parse_challenge
from moorage.cli.diagnosis.finding import Health
from moorage.cli.diagnosis.machine import examine_clients, examine_data_folder
from moorage.cli.diagnosis.server import clock

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("skew", "health"),
    [(0, Health.OK), (-4, Health.OK), (20, Health.WARNING), (-20, Health.WARNING), (3600, Health.FAILED)],
)
def test_a_clock_is_judged_by_how_far_it_is_off(skew: int, health: Health) -> None:
    """Tokens bear a minute."""
    assert clock({"Date": format_datetime(NOW + timedelta(seconds=skew), usegmt=True)}, NOW).health is health


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2026 12:00:00 GMT"])
def test_a_date_that_is_none_is_skipped(date: str) -> None:
    """A strange server does not break the doctor."""
    assert clock({"Date": date}, NOW).health is Health.SKIPPED


def test_a_challenge_says_where_tokens_come_from() -> None:
    """In any order and case."""
    header = 'bearer Service="moorage",realm="https://r.example/token",scope="repository:a/b:pull"'
    assert parse_challenge(header) == Challenge("https://r.example/token", "moorage")


@pytest.mark.parametrize("header", [None, "", 'Basic realm="x"', "Bearer", 'Bearer realm="/token",service="x"'])
def test_a_challenge_that_clients_can_not_follow_is_told(header: str | None) -> None:
    """No header, another scheme, a realm that is no absolute URL."""
    with pytest.raises(ChallengeInvalid):
        parse_challenge(header)


def test_a_data_folder_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    """With the command that closes it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "operator.json").touch(mode=0o600)
    assert examine_data_folder(folder).health is Health.OK
    (folder / "operator.json").chmod(0o644)
    finding = examine_data_folder(folder)
    assert finding.health is Health.WARNING
    assert finding.remedy == f"chmod go= {folder / 'operator.json'}"


def test_clients_need_nothing_for_https() -> None:
    """Only plain HTTP needs a word with them."""
    assert [finding.health for finding in examine_clients("https://r.example")] == [Health.OK]
