from tests.demo.story import Story, demo

__all__ = ["demo"]


class TestDemoWokenByMetrics(Story):
    wake = "metrics"
