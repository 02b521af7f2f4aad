"""Lesson 10: five pitfalls."""

from vaelab.ui.learn import pitfalls

pitfalls.page()
