from tests.demo.story import Story, demo

__all__ = ["demo"]


class TestDemoWokenByDirect(Story):
    wake = "direct"
