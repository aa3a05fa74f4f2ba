# Not run in CI: no container engine there. Each step but the base image is what `make` does too.
#
#   docker build -t po-registry .
#   docker run --rm -e DATABASE_URL=... po-registry migrate       before each new version serves
#   docker run -p 8000:8000 -e DATABASE_URL=... po-registry       serves; stop it with SIGTERM
#
# Without DATABASE_URL it serves from the embedded Postgres: mount a volume on /var/lib/po-registry then.

FROM python:3.11.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements/runtime.txt requirements/build.txt requirements/
# What builds the wheel stays in an environment of its own, and in this stage.
RUN python -m venv /opt/po-registry \
    && /opt/po-registry/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/runtime.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY migrations migrations
RUN /opt/build/bin/python -m hatchling build --target wheel \
    && /opt/po-registry/bin/python -m pip install --no-deps dist/*.whl \
    && /opt/po-registry/bin/python -m compileall -q /opt/po-registry/lib

FROM python:3.11.13-slim-bookworm
# With an entry in passwd: initdb asks for the name of the user that it runs as.
RUN groupadd --gid 10001 po-registry \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/po-registry --create-home --shell /usr/sbin/nologin po-registry
COPY --from=build /opt/po-registry /opt/po-registry
ENV PATH=/opt/po-registry/bin:$PATH \
    HOST=0.0.0.0 \
    PORT=8000 \
    PO_REGISTRY_DATA_DIR=/var/lib/po-registry/data
USER po-registry
WORKDIR /var/lib/po-registry
EXPOSE 8000
# Whether the process lives. Whether the database does too is what /readyz says, to whoever sends traffic here.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["po-registry"]
CMD ["serve"]
