FROM python:3.11.15-slim-bookworm AS build

RUN pip install --no-cache-dir uv==0.13.8 && python -m venv --without-pip /opt/alpha-panda
WORKDIR /build
ENV VIRTUAL_ENV=/opt/alpha-panda UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1

# The lock holds every extra: only these are installed, and each file has the hash that stands there.
COPY requirements.lock pyproject.toml ./
RUN uv pip install --constraint requirements.lock --requirements pyproject.toml --extra kafka --extra tracing --extra web
COPY . .
RUN uv pip install --no-deps --build-constraint requirements.lock .

FROM python:3.11.15-slim-bookworm

# Vector mathematics that differs between processors would make one log replay to different bytes.
ENV NUMBA_DISABLE_INTEL_SVML=1 PYTHONUNBUFFERED=1 \
    ALPHA_PANDA_CACHE=/app/kernels PATH=/opt/alpha-panda/bin:$PATH

WORKDIR /app
COPY --from=build /opt/alpha-panda /opt/alpha-panda
# The named volumes of compose.yaml take their owner from these folders.
RUN useradd --create-home panda && install --directory --owner panda live/state kernels
USER panda

CMD ["python", "-m", "alpha_panda.live", "--state", "live/state/paper", "--no-until-end", "--metrics-port", "9464"]
