# syntax=docker/dockerfile:1

# Build: the locked dependencies in an environment that is then copied as it is.
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /srv/countersign
COPY requirements/ requirements/
RUN /opt/venv/bin/pip install --require-hashes --no-deps \
        -r requirements/build.txt -r requirements/runtime.txt
COPY . .
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/python -m compileall -q approvals countersign integrations

# Run: no compiler, no pip cache, no root.
FROM python:3.12-slim-bookworm
RUN groupadd --system --gid 10001 countersign \
    && useradd --system --uid 10001 --gid countersign --no-create-home countersign \
    && install --directory --owner=countersign --group=countersign --mode=0750 /var/lib/countersign
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/countersign /srv/countersign
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/var/lib/countersign \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /srv/countersign
USER 10001:10001
VOLUME /var/lib/countersign
EXPOSE 8000
STOPSIGNAL SIGTERM
# For the web process; compose.yaml gives the others checks of their own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["python", "manage.py"]
CMD ["web"]
