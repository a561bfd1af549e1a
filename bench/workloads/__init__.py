"""What is measured: each workload is a function of a `Load`, over the distribution API alone, makes one `Sample`."""
