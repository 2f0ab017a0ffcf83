"""Messages of a queue, and a function that is killed at random."""

from __future__ import annotations

from pathlib import Path

from attacks.conftest import Figure, Rounds
from support.aws_endpoint import serving_aws
from support.queue_drill import drill

SECONDS = 60


def test_no_message_is_lost_when_the_function_is_killed(
    function_python: Path, shared_folder: Path, rounds: Rounds, figure: Figure
) -> None:
    """Every message is processed at least once, and the poison ones are in the dead letter queue."""
    healthy, poison = rounds(495), rounds(5)
    with serving_aws(function_python) as aws:
        found = drill(aws, shared_folder, "killed", healthy, poison, SECONDS + healthy / 20)
    figure(f"seconds for {healthy + poison} messages; kills: {found.kills}", round(found.seconds, 1))
    assert found.processed == {str(number) for number in range(healthy)}
    assert found.dead == {f"poison-{number}" for number in range(poison)}
    assert found.kills
