from vaelab.ui.ticking import still, ticking_chart

__all__ = ["still", "ticking_chart"]
