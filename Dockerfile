# syntax=docker/dockerfile:1
# caep-bridge as a container: no root, read-only root file system, everything that it writes in /data.
#
#   docker build -t caep-bridge .
#   docker run --read-only -p 8080:8080 -v caep-bridge:/data -v ./config.toml:/etc/caep-bridge/config.toml:ro \
#     --env-file secrets.env caep-bridge

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/caep-bridge
RUN /opt/caep-bridge/bin/python -m pip install --quiet --require-hashes -r requirements.lock
RUN python -m venv /build/tools && /build/tools/bin/python -m pip install --quiet --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY bridge ./bridge
COPY connectors ./connectors
RUN /build/tools/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /build/wheels .
RUN /opt/caep-bridge/bin/python -m pip install --quiet --no-deps --no-index /build/wheels/*.whl
RUN mkdir -p /build/data

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="caep-bridge" \
      org.opencontainers.image.description="From device-trust and MDM webhooks to OpenID Shared Signals" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/caep-bridge /opt/caep-bridge
COPY --from=build --chown=10001:10001 /build/data /data
# The store's default is a file in the working directory, so it lies in the volume. The admin listener stays on
# loopback; publish it with CAEP_BRIDGE_ADMIN__HOST=0.0.0.0 where only your own network reaches it.
ENV PATH=/opt/caep-bridge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CAEP_BRIDGE_CONFIG=/etc/caep-bridge/config.toml \
    CAEP_BRIDGE_SERVER__HOST=0.0.0.0 \
    CAEP_BRIDGE_LOG__FORMAT=json
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('CAEP_BRIDGE_ADMIN__PORT', '8081')}/healthz\", timeout=2)"]
ENTRYPOINT ["caep-bridge"]
CMD ["serve"]
