"""Pictures drawn, pasted, or with a hole painted into them."""
