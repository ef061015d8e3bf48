"""Pictures of conversations, drawn with matplotlib (extra ``plot``), which is imported when the first one is drawn.

Each function takes a frame and ``ax=None``, and returns the Axes it drew on (`compare_plot`: an array of them). None
shows or saves anything or changes matplotlib's settings. No rows give an empty, labelled picture that says so.
A figure of theirs takes the colours of the notebook's theme where it is shown, and is white in a file; see `picture`.
"""

from .models import compare_plot, heatmap, latency
from .sessions import timeline, tree
from .usage import activity, cost, tokens

__all__ = ["activity", "compare_plot", "cost", "heatmap", "latency", "timeline", "tokens", "tree"]
