"""Lesson 2: joint, marginal and conditional distributions."""

from vaelab.ui.lessons import joint

joint.page()
