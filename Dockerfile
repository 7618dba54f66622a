# The image of every service of docker-compose.yml. DEVICE=gpu adds the CUDA libraries to the smaller CPU image.
ARG DEVICE=cpu
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS cpu
ENV PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
RUN --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    --mount=type=cache,target=/root/.cache/pip \
    pip install -q --require-hashes -r /requirements.lock

FROM cpu AS gpu
RUN --mount=type=bind,source=requirements-gpu.lock,target=/requirements-gpu.lock \
    --mount=type=cache,target=/root/.cache/pip \
    pip install -q --no-deps --require-hashes -r /requirements-gpu.lock

FROM ${DEVICE}
# Any user may write into a new volume of /artifacts, which begins as this folder; HOME is for what libraries cache.
RUN install -d -m 1777 /artifacts /out
RUN --mount=type=bind,target=/source \
    pip install -q --no-deps --no-build-isolation --no-index /source
ARG COMMIT
ENV HOME=/tmp \
    NO_ALBUMENTATIONS_UPDATE=1 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    UNET_SEARCH_ARTIFACTS=/artifacts \
    UNET_SEARCH_COMMIT=${COMMIT} \
    UNET_SEARCH_DIR=/out
USER 1000:1000
WORKDIR /out
