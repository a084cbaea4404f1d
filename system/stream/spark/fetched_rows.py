"""A micro-batch's rows, fetched with few words between Python and the JVM.

``DataStreamWriter.foreachBatch`` and ``DataFrame.toArrow`` say forty words per batch (a session
object, two settings, a schema as JSON, a call site from the stack, ...) of which ten are needed;
on two busy cores the others are a tenth of the batch. What is used here is what these two use
inside, of the pyspark that the lock names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

import pyarrow as pa
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.serializers import BatchedSerializer, CPickleSerializer
from pyspark.sql import SparkSession
from pyspark.sql.pandas.serializers import ArrowCollectSerializer
from pyspark.sql.streaming.readwriter import DataStreamWriter
from pyspark.util import _load_from_socket

SOURCES: Final = "org.apache.spark.sql.execution.streaming.sources"
EMPTY: Final = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("value", pa.binary()),
        ("timestamp", pa.timestamp("us", "UTC")),
    ]
).empty_table()
"""Columns of a batch without rows: ``system.stream.spark.query.COLUMNS``."""

Read = Callable[[], pa.Table]
Collect = Callable[[Any], pa.Table]


class BatchFunction:
    """Callback of the JVM for each batch, on one thread, in order.

    Parameters
    ----------
    work : callable
        Called with a function that runs the batch's one action and returns its rows.
    collect : callable
        Runs that action on the JVM's ``Dataset``.
    """

    def __init__(self, work: Callable[[Read], None], collect: Collect) -> None:
        self._work = work
        self._collect = collect

    def call(self, frame: Any, _: int) -> None:  # noqa: ANN401 - a JVM's object
        """Hand a batch on, and let go of it; an error ends the query with it."""
        try:
            self._work(lambda: self._collect(frame))
        finally:
            let_go(frame)

    class Java:
        """Names the interface, for py4j."""

        implements: ClassVar = [f"{SOURCES}.PythonForeachBatchFunction"]


def collected(frame: Any) -> pa.Table:  # noqa: ANN401 - a JVM's object
    """Run a batch's action and return its rows, in their order.

    Parameters
    ----------
    frame : JavaObject
        A ``Dataset`` of the columns of ``system.stream.spark.query.COLUMNS``.

    Raises
    ------
    Py4JJavaError
        If the action fails.
    """
    answer = frame.collectAsArrowToPython()
    server = answer[2]
    try:
        words = ArrowCollectSerializer()  # type: ignore[no-untyped-call]  # pyspark's own
        with _load_from_socket((answer[0], answer[1]), words) as found:
            *batches, order = list(found)
    finally:
        server.getResult()
        let_go(server)
    return pa.Table.from_batches([batches[index] for index in order]) if batches else EMPTY


def let_go(held: Any) -> None:  # noqa: ANN401 - a JVM's object
    """Let the JVM forget an object that Python has no more use for.

    py4j does it when Python's collector finds the object, which its methods keep in a cycle; the
    driver's collector comes seldom, and until then the JVM keeps a batch's whole plan (decision
    0085). It is what ``JavaGateway.detach`` does.
    """
    held._detach()


def rows_collected(frame: Any) -> pa.Table:  # noqa: ANN401 - a JVM's object
    """Do what ``collected`` does with pickled rows, as ``DataFrame.collect``: to compare with.

    Parameters
    ----------
    frame : JavaObject
        As for ``collected``.

    Raises
    ------
    Py4JJavaError
        If the action fails.
    """
    words = BatchedSerializer(CPickleSerializer())  # type: ignore[no-untyped-call]
    with _load_from_socket(frame.collectToPython(), words) as found:
        # Pickled times are of the machine's zone and do not say so.
        rows = [(*row[:-1], row[-1].astimezone()) for row in found]
    return pa.table(list(zip(*rows, strict=True)), EMPTY.schema) if rows else EMPTY


def with_each_batch(
    spark: SparkSession,
    writer: DataStreamWriter,
    work: Callable[[Read], None],
    collect: Collect = collected,
) -> DataStreamWriter:
    """Let a query call a function with each batch.

    Parameters
    ----------
    spark : SparkSession
        Of the query.
    writer : DataStreamWriter
        Of the query, not started.
    work, collect : callable
        As ``BatchFunction``.
    """
    gateway = cast(Any, spark.sparkContext._gateway)
    helper = getattr(gateway.jvm, f"{SOURCES}.PythonForeachBatchHelper")
    helper.callForeachBatch(writer._jwrite, BatchFunction(work, collect))
    ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]  # pyspark's own
    return writer
