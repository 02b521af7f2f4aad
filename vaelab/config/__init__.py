"""What everything else knows: every setting with its range and meaning, and the errors that are shown to people.

May import nothing of the package.
"""
