from tests.demo.story import Story, told

__all__ = ["told"]


class TestDemoWokenByDirect(Story):
    wake = "direct"
