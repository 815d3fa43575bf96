"""`gwc reload`: exit codes, and what is said."""

from __future__ import annotations

from pathlib import Path

from ..runtime.control.steering import steered
from .test_status import gwc


def test_reloading_and_going_back(tmp_path: Path) -> None:
    """Committed and unchanged are 0, failed is 1 with the report on stderr, and `--to` goes back."""
    with steered(tmp_path, "--no-watch") as it:
        done = gwc("reload", environment=it.environment)
        assert (done.returncode, done.stdout[:22], done.stderr) == (0, "unchanged: generation ", "")
        it.write("second")
        done = gwc("reload", environment=it.environment)
        assert (done.returncode, done.stdout[:22]) == (0, "reloaded: generation 2")
        assert it.public("/")[1] == "second"
        main = tmp_path / "gwc.kdl"
        main.write_text(main.read_text().replace("upstream ", "upstrem "))
        done = gwc("reload", environment=it.environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert "error[GWC" in done.stderr
        assert "did you mean `upstream`?" in done.stderr
        assert "generation 2 (" in done.stderr
        assert it.public("/")[1] == "second"
        done = gwc("reload", "--to", 1, environment=it.environment)
        assert (done.returncode, done.stdout[:22]) == (0, "reloaded: generation 3")
        assert it.public("/")[1] == "rest"
        done = gwc("reload", "--to", 99, environment=it.environment)
        assert done.returncode == 1
        assert "generation 99 is not kept; there is 1, 2, 3" in done.stderr
        assert gwc("reload", "--to", "x", environment=it.environment).returncode == 2


def test_over_loopback_with_a_token(tmp_path: Path) -> None:
    """The token comes from the environment; a wrong one is refused and told."""
    from ..runtime.control.running import free_port

    address, token = f"127.0.0.1:{free_port()}", "a-token-of-some-length"
    with steered(tmp_path, "--admin", address, workers=1, GWC_ADMIN_TOKEN=token):
        good = gwc("reload", "--admin", address, environment={"GWC_ADMIN_TOKEN": token})
        assert good.returncode == 0
        bad = gwc("reload", "--admin", address, environment={"GWC_ADMIN_TOKEN": "another"})
        assert bad.returncode == 1
        assert "GWC_ADMIN_TOKEN" in bad.stderr


def test_with_nobody_there(tmp_path: Path) -> None:
    """Exit code 2."""
    done = gwc("reload", "--admin", f"unix:{tmp_path}/none", environment={})
    assert (done.returncode, done.stdout) == (2, "")
    assert "nobody answers" in done.stderr
