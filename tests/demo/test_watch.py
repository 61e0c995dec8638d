from tests.demo.story import Story, told

__all__ = ["told"]


class TestDemoWokenByWatch(Story):
    wake = "watch"
