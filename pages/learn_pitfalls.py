"""Lesson 10: five pitfalls."""

from vaelab.ui.lessons import pitfalls

pitfalls.page()
