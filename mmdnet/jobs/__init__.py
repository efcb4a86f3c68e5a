"""Background work that outlives crashes: the durable queue, its workers, and the child process each job runs in.

The application only submits, watches and cancels (`queue`). A worker (`worker`) holds one slot of a machine, takes a
job and supervises (`supervisor`) the child process (`child`) that does it. Kill any of them at any moment: the job
resumes from its own last checkpoint.
"""
