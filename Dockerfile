FROM python:3.11-slim-bookworm

# Vector mathematics that differs between processors would make one log replay to different bytes.
ENV NUMBA_DISABLE_INTEL_SVML=1 PYTHONUNBUFFERED=1

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock

COPY pyproject.toml LICENSE README.md ./
COPY alpha_panda alpha_panda
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

# The named volume of compose.yaml takes its owner from this folder.
RUN useradd --create-home panda && install --directory --owner panda live/state
USER panda

CMD ["python", "-m", "alpha_panda.live", "--state", "live/state/paper", "--no-until-end"]
