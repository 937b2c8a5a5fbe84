"""report: the self-contained HTML report of a run, in English and Chinese."""

from .content import Assumption, Mark, ReportContent, Timing
from .page import render_report, write_report

__all__ = ["Assumption", "Mark", "ReportContent", "Timing", "render_report", "write_report"]
