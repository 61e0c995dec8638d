"""Stand-in for Pulumi's aws and awsx providers: the provider protocol on top of the resource tables.

One server serves both packages. The engine attaches to it by PULUMI_DEBUG_PROVIDERS="aws:PORT,awsx:PORT".
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from ebb.sandbox.emulators.stages import ImageError
from ebb.sandbox.provider import awsx, checking, diff
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources import INVOKES, ROWS, Row
from ebb.sandbox.provider.serialization import decode, encode
from ebb.sandbox.provider.shapes import RefusedError

_KINDS = {"add": "ADD", "delete": "DELETE", "update": "UPDATE"}
# A component blocks a thread while other threads create its children, so more than the engine's parallelism (16).
_THREADS = 64
_DIFF = provider_pb2.DiffResponse


class Provider:
    """A running provider; `port` is on 127.0.0.1."""

    def __init__(self, server: Any, port: int) -> None:
        self._server = server
        self.port = port

    def stop(self) -> None:
        """Stop the server after its current calls."""
        self._server.stop(grace=5).wait()


def serve(aws: Aws, images: awsx.Images, project: Path) -> Provider:
    """Start a provider on a free port; image contexts are relative to the `project` folder."""
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="provider"), options=[("grpc.so_reuseport", 0)]
    )
    rows = ROWS | {awsx.BUILD: awsx.build_row(images, project)}
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_Servicer(aws, rows), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return Provider(server, port)


class _Named(NamedTuple):
    kind: str
    name: str


def _named(urn: str) -> _Named:
    """Type and name of urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME."""
    _, _, kinds, name = urn.split("::", 3)
    return _Named(kinds.rsplit("$", 1)[-1], name)


@contextmanager
def _refusals(context: Any) -> Iterator[None]:
    """Reports to the engine in one sentence what was refused. The engine shows it with the resource."""
    try:
        yield
    except (RefusedError, ImageError) as error:
        text = str(error)
    else:
        return
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)


class _Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The provider protocol, method by method; names and arguments are the protocol's."""

    def __init__(self, aws: Aws, rows: dict[str, Row]) -> None:
        self._aws = aws
        self._rows = rows
        self._default_tags: dict[str, str] = {}

    def Handshake(self, _: Any, __: Any) -> Any:  # noqa: N802
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, _: Any, __: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Cancel(self, _: Any, __: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def GetPluginInfo(self, _: Any, __: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def GetSchema(self, _: Any, __: Any) -> Any:  # noqa: N802
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "aws", "version": version("pulumi-aws")}))

    def CheckConfig(self, request: Any, _: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[
                provider_pb2.CheckFailure(property=name, reason=reason)
                for name, reason in checking.configuration(self._aws, decode(request.news)[0])
            ],
        )

    def DiffConfig(self, request: Any, _: Any) -> Any:  # noqa: N802
        same = decode(request.old_inputs) == decode(request.news)
        return _DIFF(changes=_DIFF.DIFF_NONE if same else _DIFF.DIFF_SOME)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.type != "pulumi:providers:awsx":  # it has its own configuration, without tags
            with _refusals(context):
                self._default_tags = checking.default_tags(decode(request.args)[0])
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind, name = _named(request.urn)
        row = self._row(kind, context)
        news, secrets = decode(request.news)
        olds = decode(request.olds)[0]
        with _refusals(context):
            inputs = checking.fill(row, name, request.randomSeed, old=olds, new=news, tags=self._default_tags)
        failures = [
            provider_pb2.CheckFailure(property=at, reason=reason)
            for at, reason in checking.problems(self._aws, row, inputs)
        ]
        return provider_pb2.CheckResponse(inputs=encode(inputs, secrets), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        row = self._row(_named(request.urn).kind, context)
        old, new = decode(request.old_inputs)[0], decode(request.news)[0]
        paths = diff.changes(row, old, new)
        replacing = diff.replacing(row, paths, new)
        detailed = {
            path: provider_pb2.PropertyDiff(
                kind=provider_pb2.PropertyDiff.Kind.Value(_KINDS[kind] + ("_REPLACE" if path in replacing else "")),
                inputDiff=True,
            )
            for path, kind in paths.items()
        }
        return _DIFF(
            changes=_DIFF.DIFF_SOME if paths else _DIFF.DIFF_NONE,
            diffs=sorted({_root(path) for path in paths}),
            replaces=sorted({_root(path) for path in replacing}),
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(replacing) and diff.delete_first(row, paths, new),
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        row = self._row(_named(request.urn).kind, context)
        inputs, secrets = decode(request.properties)
        inputs.pop(diff.DEFAULTED, None)
        if request.preview:  # outputs of AWS are left out, so they are unknown
            return provider_pb2.CreateResponse(properties=encode(inputs, secrets))
        with _refusals(context):
            physical_id, computed = row.create(self._aws, inputs)
            return provider_pb2.CreateResponse(
                id=physical_id, properties=encode(inputs | computed, secrets | row.secrets)
            )

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        row = self._row(_named(request.urn).kind, context)
        outputs, secrets = decode(request.properties)
        inputs, _ = decode(request.inputs)
        with _refusals(context):
            seen = checking.read(row, self._aws, request.id, outputs)
        if seen is None:
            return provider_pb2.ReadResponse()
        if inputs:
            outputs, inputs = diff.observed(row, outputs, seen), diff.observed(row, inputs, seen)
        else:  # an import: all properties are new
            outputs, inputs = seen, {name: seen[name] for name in sorted(row.inputs) if seen.get(name) is not None}
        hidden = secrets | row.secrets
        return provider_pb2.ReadResponse(
            id=request.id, properties=encode(outputs, hidden), inputs=encode(inputs, hidden)
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        row = self._row(_named(request.urn).kind, context)
        outputs, old_secrets = decode(request.olds)
        new, secrets = decode(request.news)
        old = decode(request.old_inputs)[0]
        # inputs that are no longer set are removed; AWS's values of inputs that were never set stay
        kept = {name: value for name, value in outputs.items() if name not in old}
        new.pop(diff.DEFAULTED, None)
        computed: dict[str, Any] = {}
        if not request.preview:
            with _refusals(context):
                before = {name: value for name, value in outputs.items() if name not in row.inputs} | old
                computed = checking.update(row, self._aws, request.id, before, new)
        properties = kept | new | computed
        return provider_pb2.UpdateResponse(
            properties=encode(properties, secrets | row.secrets | (old_secrets - new.keys()))
        )

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        row = self._row(_named(request.urn).kind, context)
        with _refusals(context):
            row.delete(self._aws, request.id, decode(request.properties)[0])
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        args, _ = decode(request.args)
        with _refusals(context):
            if request.tok not in INVOKES:
                raise RefusedError(f"the data source {request.tok} is not in the sandbox")
            known, invoke = INVOKES[request.tok]
            checking.arguments(self._aws, request.tok, known, args)
            return provider_pb2.InvokeResponse(**{"return": encode(invoke(self._aws, args))})

    def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _refusals(context):
            try:
                return awsx.construct(request)
            except grpc.RpcError as error:  # a child was refused, and the engine has reported why
                raise RefusedError(str(error.details())) from None

    def _row(self, kind: str, context: Any) -> Row:
        with _refusals(context):
            if kind not in self._rows:
                raise RefusedError(f"the resource type {kind} is not in the sandbox")
        return self._rows[kind]


def _root(path: str) -> str:
    return path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
