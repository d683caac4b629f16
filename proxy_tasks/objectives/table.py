"""Every objective that there is. A new one is an entry here, and nothing else knows it by name."""

from __future__ import annotations

from proxy_tasks.objectives.objective import (
    GIBIBYTES,
    GIGA,
    MEGA,
    MILLISECONDS,
    PERCENT,
    SECONDS,
    Analytic,
    Measured,
    Objective,
    Predicted,
    Shown,
    Trained,
    Validated,
)

EXPORTED_LATENCY = "exported_latency"
"""The objective that a table of operators predicts."""

QUALITY = (
    Objective(
        "miou",
        "mIoU",
        Validated(lambda seen: seen.mean_iou()),
        PERCENT,
        more=True,
        shown=Shown.TABLE,
        score=True,
        traded=True,
    ),
    # Of probabilities instead of decisions: see proxy_tasks.soft_metrics.
    Objective(
        "soft_miou",
        "soft mIoU",
        Validated(lambda seen: seen.soft.mean_iou()),
        PERCENT,
        more=True,
        shown=Shown.NOWHERE,
        score=True,
    ),
    # Cross-entropy, nats a pixel.
    Objective(
        "loss",
        "validation loss",
        Validated(lambda seen: seen.soft.loss()),
        short="loss",
        shown=Shown.TABLE,
        score=True,
    ),
    # Over classes alike.
    Objective(
        "balanced_loss",
        "class-balanced loss",
        Validated(lambda seen: seen.soft.balanced_loss()),
        shown=Shown.NOWHERE,
        score=True,
    ),
    # Over the last epoch's batches, which tells how fast a network learns (training speed
    # estimation, Ru et al. 2021, arXiv 2006.04492).
    Objective("train_loss", "training loss", Trained(), score=True),
    # What a function of one's own says: see proxy_tasks.own_objective.
    Objective(
        "objective",
        "objective",
        Trained(),
        more=True,
        shown=Shown.NOWHERE,
        score=True,
    ),
)
COST = (
    Objective(
        "macs",
        "MACs",
        Analytic(lambda cost, _: cost.macs),
        GIGA,
        of="one image",
        said="{}MACs",
        shown=Shown.TABLE,
        traded=True,
        limit=True,
    ),
    Objective(
        "parameters",
        "parameters",
        Analytic(lambda cost, _: cost.parameters),
        MEGA,
        shown=Shown.TABLE,
        traded=True,
        limit=True,
    ),
    # Bytes of a training step: where it is measured, it is peak_memory.
    Objective(
        "memory",
        "training memory",
        Analytic(lambda cost, batch: cost.training_bytes(batch)),
        GIBIBYTES,
        shown=Shown.NOWHERE,
        kept=False,
        limit=True,
    ),
    Objective(
        "latency",
        "latency",
        Measured("proxy_tasks.latency:latency"),
        MILLISECONDS,
        of="one image",
        shown=Shown.DETAIL,
        traded=True,
        limit=True,
    ),
    # Of what nas export writes, in the runtime that it runs in.
    Objective(
        EXPORTED_LATENCY,
        "exported latency",
        Predicted(),
        MILLISECONDS,
        of="one image",
        shown=Shown.DETAIL,
        traded=True,
    ),
)
TRAINING = (
    Objective("seconds", "training time", Trained(), SECONDS, short="time", shown=Shown.TABLE),
    # The whole process's on a CPU.
    Objective("peak_memory", "peak memory", Trained(), GIBIBYTES, traded=True),
)
ALL = (*QUALITY, *COST, *TRAINING)
"""In the order in which they are listed, offered and shown."""
