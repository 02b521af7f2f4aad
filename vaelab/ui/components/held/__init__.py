"""The stage's side of the numbers in a lesson's text."""
