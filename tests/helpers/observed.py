"""What a program exports that uses OpenTelemetry: the counts of this process, and errors as events of spans."""

from functools import cache

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@cache
def reader() -> InMemoryMetricReader:
    """Reads the meters, which are global: OpenTelemetry takes one provider of them a process."""
    made = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([made], shutdown_on_exit=False))
    return made


def counts_in_json() -> str:
    """All that was counted in this process so far."""
    data = reader().get_metrics_data()
    return data.to_json() if data else ""


@cache
def _tracing() -> tuple[TracerProvider, InMemorySpanExporter]:
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def span_in_json(error: BaseException) -> str:
    """The span of a call that ends with this error. The error is an event of it, with its traceback."""
    provider, exporter = _tracing()
    with provider.get_tracer("tests").start_as_current_span("a call") as span:
        span.record_exception(error)
    texts = [each.to_json() for each in exporter.get_finished_spans()]
    exporter.clear()
    assert type(error).__name__ in "".join(texts)
    return "\n".join(texts)
