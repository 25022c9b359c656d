"""Device programs: rules → decisions (``rules``) → instructions (``assemble``) → bpf(2) (``load``)."""
