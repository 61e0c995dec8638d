from tests.demo.story import Story, demo

__all__ = ["demo"]


class TestDemoWokenByWatch(Story):
    wake = "watch"
