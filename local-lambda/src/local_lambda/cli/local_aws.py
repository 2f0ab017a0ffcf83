"""`start --aws`: the local AWS endpoint next to the functions of a template, with the resources that it declares."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_lambda.apis.function_url.servers import FunctionUrls
    from local_lambda.functions.given import Given
    from local_lambda.functions.template import Functions
    from local_lambda.http.access import Access
    from local_lambda.service.directory import Versions
    from local_lambda.service.factory import EnvironmentFactory
    from local_lambda.service.observers import Observers
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.sinks.console import Console


class LocalAws:
    """The endpoint of one command on `host` and `port`, which begins to import moto at once.

    `python` is the interpreter that was asked for.
    """

    def __init__(
        self, host: str, port: int, access: Access, limit: int, given: Given, python: str | None = None
    ) -> None:
        from local_lambda.aws.deployment import Deployments
        from local_lambda.aws.forwarding import LogGroups
        from local_lambda.aws.serve import within
        from local_lambda.aws.services import Services
        from local_lambda.http.sockets import listen

        self._listener = listen(host, port, "--aws")
        self._access = access
        self._limit = limit
        self._given = given
        self._python = python
        self._mappings: list[tuple[str, dict[str, Any]]] = []
        self._services = Services()
        self._services.start(given.account)
        self._logs = LogGroups(self._services)
        bound = self._listener.getsockname()
        host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        self._deployments = Deployments(self._services, within(f"{host}:{bound[1]}"), given)

    def observers(self) -> Observers:
        """Put logs and traces of functions where CloudWatch and X-Ray have them."""
        from local_lambda.aws.forwarding import put_trace
        from local_lambda.service.observers import Observers

        return Observers(log_writers=(self._logs.writer,), on_trace=(partial(put_trace, self._services),))

    def given(self, given: Given) -> Given:
        """`given`, with the values of resources that exist."""
        return given._replace(deploy=self._deployments.deploy, dynamic=self._deployments.dynamic)

    def complete(self, functions: Functions, console: Console) -> None:
        """Make all that the template declares, and let it lead to the functions.

        What cannot be made is named, and the rest is made. Raises UsageError for a reference to a resource that the
        template does not have.
        """
        from local_lambda.aws.deployment import reason_in
        from local_lambda.aws.wiring import read_wiring

        for remark in self._deployments.complete():
            console.write("platform", remark)
        served = {function.name: function.alias for function in functions}
        given = self._given
        for stack in self._deployments.stacks.values():
            wiring = read_wiring(stack, served, given.account, given.region)
            for remark in wiring.remarks:
                console.write("platform", remark)
            self._mappings += wiring.mappings
            for where, job in wiring.jobs:
                try:
                    self._services.run(job).result()
                except Exception as error:  # each service has its own
                    console.write("platform", f"{where} is not served: {reason_in(error)}")

    async def start(
        self,
        factory: EnvironmentFactory,
        pools: Mapping[str, EnvironmentPool],
        urls: FunctionUrls,
        versions: Mapping[str, Versions],
    ) -> None:
        """Begin to serve."""
        from local_lambda.aws.deployment import reason_in
        from local_lambda.aws.serve import LocalEndpoint

        console = factory.console
        self._local = LocalEndpoint(
            factory,
            self._services,
            self._logs,
            self._listener,
            self._limit,
            self._access,
            self._python,
            self._given.account,
        )
        self._local.endpoint.urls = urls
        self._local.endpoint.declare(self._given.region, pools, versions)
        await self._local.start()
        for where, mapping in self._mappings:
            try:
                await self._local.endpoint.create_mapping(self._given.region, mapping)
            except Exception as error:  # the template's own text is in the request
                console.write("platform", f"{where} is not served: {reason_in(error)}")
        console.write("platform", f"the AWS endpoint of the functions: AWS_ENDPOINT_URL={self._local.url}", needed=True)

    def close(self) -> None:
        """End the services, whether or not they were served."""
        self._services.close()
        self._listener.close()

    async def stop_sources(self) -> None:
        """Poll no more; batches in flight end."""
        await self._local.endpoint.stop_sources()

    def refuse(self) -> None:
        """Refuse requests to Lambda from now on; the other services are still there."""
        self._local.endpoint.refuse()

    async def stop(self) -> None:
        """Finish what is in progress and end."""
        await self._local.stop()
