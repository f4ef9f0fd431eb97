from __future__ import annotations

from nuphar.load.progress import RunProgress

BEFORE = RunProgress("posting", 1.0, 5.0, acknowledged=100, delivered=1_000)
NOW = RunProgress("posting", 1.5, 5.0, 20, 160, 1_600, p50=0.0012, p99=0.25, errors=3)


def test_rates_are_since_the_last_word() -> None:
    progress = NOW.since(BEFORE, 0.5)

    assert (progress.acknowledged_rate, progress.delivered_rate) == (120.0, 1_200.0)


def test_no_time_gives_no_rate() -> None:
    assert NOW.since(NOW, 0.0) == NOW


def test_facts_are_values_with_their_names() -> None:
    assert NOW.since(BEFORE, 0.5).facts() == [
        ("20", "connected"),
        ("120", "messages/s acknowledged"),
        ("1,200", "deliveries/s"),
        ("1.2", "ms p50"),
        ("250.0", "ms p99"),
        ("3", "errors"),
    ]


def test_a_phase_is_in_seconds_or_in_clients() -> None:
    assert NOW.phase_text == "posting: 1.5 of 5 s"
    assert RunProgress("connecting", 1_200, 10_000).phase_text == "connecting: 1,200 of 10,000"
