"""Supervisor reports: what a supervisor tells the log, with OTP's four fields.

Source: OTP, SASL Error Logging, "Supervisor Report".
"""

from __future__ import annotations

from typing import Any

from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.words.exit_reasons import Crashed, Reason
from .child_spec import ChildSpec

logger = ThrottledLogger("nuphar.supervision")

CONTEXTS = ("child_terminated", "start_error", "shutdown_error", "shutdown")

LONGEST_REPORT = 400
"""Characters of a reason in one line; the traceback is beside it."""


def report(
    context: str, supervisor: object, reason: Reason | str, offender: ChildSpec | None, child: Any = None
) -> None:
    """Log one report; its fields are also on the record, as ``record.report``."""
    error = reason.error if isinstance(reason, Crashed) else None
    fields: dict[str, Any] = {"supervisor": str(supervisor), "context": context, "reason": reason, "offender": None}
    if offender is not None:
        fields["offender"] = {
            "id": offender.id,
            "ref": child,
            "restart": offender.restart.value,
            "shutdown": offender.shutdown,
            "type": offender.type.value,
        }
    text = f"{reason!r}"
    logger.error(
        f"supervisor %s: {context}%s: %s",  # in the text, so that the log throttle tells reports apart
        supervisor,
        f" of {offender.id} ({offender.restart.value})" if offender is not None else "",
        text if len(text) <= LONGEST_REPORT else text[: LONGEST_REPORT - 1] + "…",
        exc_info=error,
        extra={"report": fields},
    )


def progress(supervisor: object, child: ChildSpec, ref: object) -> None:
    """Log that a child has been started."""
    logger.debug("supervisor %s: started %s: %s", supervisor, child.id, ref)
