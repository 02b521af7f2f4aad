"""Compare: several models side by side, their figures, curves, pictures and maps."""

from vaelab.ui.compare import compare_page

compare_page.page()
