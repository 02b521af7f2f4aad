"""Learn: the lessons in teaching order, and which of them are done."""

from vaelab.ui.learn import frame

frame.overview()
