"""What the lessons compute: small exact models and live experiments. No streamlit here; every claim has a test against a known answer."""
