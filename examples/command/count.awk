# Counts lines and words of the job's body, and prints one line of JSON into the worker's log.
{ words += NF }
END {
    if (words == 0) {
        print "{\"event\": \"nothing_to_count\"}"
        exit 65 # any code but 0 and 75: the attempt failed
    }
    printf "{\"event\": \"counted\", \"job\": \"%s\", \"lines\": %d, \"words\": %d}\n", ENVIRON["EBB_JOB_ID"], NR, words
}
