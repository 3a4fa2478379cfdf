# The image holds the program, certificates and an empty /data, and nothing else: no shell, no package manager. The
# licenses of what is in the program are in it, too: docker run --rm ehpcbot licenses
#
#   docker build --build-arg VERSION=v1.0.0 -t ehpcbot .
#   docker run --env-file .env -v ehpcbot:/data ehpcbot

# By its digest, so that nobody can put another image in its place; the tag is for people.
FROM --platform=$BUILDPLATFORM golang:1.26.8@sha256:0f063af2d465d8dcae54cce04278ada488b96f77b42449c8d071e47d016cc65a AS build
WORKDIR /src
# The modules first: they change less often than the code, and stay cached until they do.
COPY go.mod go.sum ./
ARG GOPROXY
RUN go mod download
COPY . .
ARG VERSION=""
ARG TARGETOS
ARG TARGETARCH
# Without cgo the program needs no C library. timetzdata puts the time zones into it. .ci/run runs this line too.
RUN CGO_ENABLED=0 GOOS="${TARGETOS:-}" GOARCH="${TARGETARCH:-}" go build -trimpath -tags timetzdata -ldflags "-s -w -X main.version=${VERSION:-}" -o /out/ehpcbot .
RUN mkdir /out/data /out/tmp

FROM scratch
ARG VERSION=""
LABEL org.opencontainers.image.title="ehpcbot" \
      org.opencontainers.image.description="Slack bot that asks for, approves and makes user accounts on QingCloud EHPC clusters" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# A new volume takes over owner and mode of the directory that it covers, so the directory must be the user's.
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /data
COPY --from=build --chmod=1777 /out/tmp /tmp
COPY --from=build /out/ehpcbot /ehpcbot
# A number, because Kubernetes can't tell of a name whether it is root.
USER 65532:65532
WORKDIR /data
# The database, and the key beside it, outlive the container here. Whoever sets DATABASE_URL_FILE must set
# DATABASE_URL to nothing, as one of the two alone may have a value.
VOLUME /data
# 0.0.0.0 is reached from outside the container only where the port is published.
ENV DATABASE_URL=sqlite:/data/ehpcbot.db \
    HTTP_ADDR=0.0.0.0:9095
EXPOSE 9095
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/ehpcbot", "healthcheck"]
ENTRYPOINT ["/ehpcbot"]
