# A container with nothing but the static binary that scripts/image builds.
FROM scratch
COPY target/x86_64-unknown-linux-gnu/release/mynah /mynah
EXPOSE 4100
# Inside a container, loopback would be reached by nobody.
ENTRYPOINT ["/mynah"]
CMD ["serve", "--host", "0.0.0.0", "--port", "4100"]
HEALTHCHECK --interval=5s --timeout=3s --start-period=1s CMD ["/mynah", "health", "http://127.0.0.1:4100"]
