"""`gridtwin settings` prints every setting, and refuses what cannot be used."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from app.__main__ import cli, main
from app.cli.environment import environment_of
from app.dataset.format import Meta
from app.settings import SPECIFICATIONS, Settings


def test_every_setting_is_printed_with_value_source_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPP_WINDOW_S", "60")

    said = CliRunner().invoke(cli, ["settings"]).output

    assert "VPP_WINDOW_S=60  (environment)\n" in said
    assert "VPP_GRACE_S=120  (default)\n" in said
    for name, spec in SPECIFICATIONS.items():
        assert f"VPP_{name.upper()}=" in said
        assert spec.meaning in said
        assert spec.allowed in said


def test_every_value_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("WINDOW_S", "5"), ("TICK_S", "nan"), ("WINDOW", "60")):
        monkeypatch.setenv(f"VPP_{name}", value)

    with pytest.raises(SystemExit) as ended:
        main(["settings"])

    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "VPP_WINDOW_S is '5'; allowed: an integer from 60 to 3600" in said
    assert "VPP_TICK_S is 'nan'; allowed: a number from 1 to 3600" in said
    assert "VPP_WINDOW is not a setting" in said


def test_the_settings_of_a_dataset_are_settings() -> None:
    meta = Meta(name="m", window_s=420, start_ms=0, end_ms=1, tick_s=105, levels=(), sites=0, devices=0, readings=0,
                truth_rows=0, grace_s=7, horizon_s=7200, partitions=3)  # fmt: skip

    loaded = Settings.load(environment_of(meta))

    assert (loaded.window_s, loaded.grace_s, loaded.horizon_s, loaded.tick_s, loaded.partitions) == (
        420,
        7,
        7200,
        105,
        3,
    )
    assert loaded.telemetry_timestamps == "create"
