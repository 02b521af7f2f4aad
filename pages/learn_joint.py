"""Lesson 2: joint, marginal and conditional distributions."""

from vaelab.ui.learn import joint

joint.page()
