"""What a search leaves in ``artifacts/``: leaderboard, front, the best network and its diagram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nas.runs.directory import RunDirectory
from nas.runs.inside import check_writable
from nas.runs.selection import top
from proxy_tasks.objectives import OBJECTIVES, Metric
from results import units
from results.leaderboard import leaderboard, to_csv, to_markdown
from results.trial import Trial
from search_space import architecture_file
from search_space.architecture import Architecture


def write_artifacts(run: RunDirectory, trials: Sequence[Trial], by: Metric = "miou") -> list[Path]:
    """Leaderboard, front, and the best candidate by proxy score with its diagram, of a search that
    goes ``by`` a metric. UserError for a link that leads out of the run."""
    # matplotlib takes half a second to import: only where something is drawn.
    from results.charts import draw_front
    from results.drawing import draw

    check_writable(run.path)
    run.artifacts.mkdir(exist_ok=True)
    frame, best = leaderboard(trials), top(trials, 1)[0]
    board = [run.artifacts / "leaderboard.md", run.artifacts / "leaderboard.csv"]
    board[0].write_text(to_markdown(frame, by), "utf-8")
    board[1].write_text(to_csv(frame), "utf-8")
    front = [run.artifacts / "front.svg", run.artifacts / "front.png"]
    draw_front(trials, front, by=by)
    spec = run.artifacts / "best.yaml"
    scores = {"proxy_miou": best.miou}
    provenance = {"run": run.path.name, "trial": best.number, "scores": scores}
    architecture_file.save(spec, best.backbone, provenance)
    diagram = [run.artifacts / "best.svg", run.artifacts / "best.png"]
    assert isinstance(best.backbone, Architecture)  # candidates are searched ones
    assert best.score is not None
    caption = f"proxy {OBJECTIVES[by].score_name} {units.score(best.score, by)}"
    draw(best.backbone, diagram, title=f"{run.path.name}: {best.name}", caption=caption)
    return [*board, *front, spec, *diagram]
