from tests.demo.story import Story, told

__all__ = ["told"]


class TestDemoWokenByMetrics(Story):
    wake = "metrics"
