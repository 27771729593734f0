# One image, started with different commands: web, worker, beat, prepare (see docker-compose.yml).

FROM node:22-slim AS frontend
WORKDIR /build/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY frontend/ ./
RUN npm run build

FROM python:3.13-slim
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
