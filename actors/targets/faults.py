"""What somebody hears of a crash: that there was one, and the trace id under which the log knows the rest."""

from __future__ import annotations

from ..runtime.hooks import new_trace_id
from ..runtime.host import Host
from ..runtime.log_throttle import ThrottledLogger


def fault(
    logger: ThrottledLogger, host: Host, target: str, error: BaseException, what: str
) -> tuple[str, dict[str, str]]:
    """Log ``error``; return a Rejected's text and details."""
    trace_id = new_trace_id(host)
    logger.error("%s %s; trace id %s", target, what, trace_id, exc_info=error)
    return f"it {what}; trace id {trace_id}", {"trace_id": trace_id}
