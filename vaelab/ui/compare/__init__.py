"""The Compare page: several models side by side. May import what the other pages share, charts and analysis."""
