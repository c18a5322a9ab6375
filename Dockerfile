# The image of both programs: `fairlead COMMAND ARGS`. Compiled in one stage; the other holds Node, the
# package and its dependencies, and no shell.

FROM node:26-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`: it refuses a lock file that lacks another platform's optional packages. Versions are the lock's.
RUN npm install --no-save
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/build.ts
COPY core core
COPY proto proto
COPY client client
COPY cli cli
COPY discovery discovery
COPY sidecar sidecar
COPY examples/tea-shop examples/tea-shop
RUN node scripts/build.ts && npm prune --omit=dev --no-save
# A new volume takes over the owner of the folder that it is mounted on.
RUN mkdir -p /rootfs/var/lib/fairlead /rootfs/run/secrets/fairlead /rootfs/etc/fairlead && chown -R 1337:1337 /rootfs

FROM gcr.io/distroless/nodejs26-debian13:nonroot
LABEL org.opencontainers.image.title="fairlead" \
      org.opencontainers.image.description="A service mesh in TypeScript: control plane and sidecar" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=build --chown=1337:1337 /rootfs/ /
COPY --from=build /app/package.json /app/package.json
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
WORKDIR /var/lib/fairlead
USER 1337:1337
# 15000 sidecar's admin, 15001 outbound, 15006 inbound; 15012 discovery's xDS and certificates, 15014 its admin.
EXPOSE 15001 15006 15012
ENTRYPOINT ["/nodejs/bin/node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=8", "--invocation-count-for-maglev=4000", "--no-node-snapshot", "--concurrent-turbofan-max-threads=1", "/app/dist/cli/main.js"]
CMD ["--help"]
# That of discovery; a sidecar's is http://127.0.0.1:15000/ready.
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=6 \
  CMD ["/nodejs/bin/node", "/app/dist/cli/main.js", "health", "--local"]
