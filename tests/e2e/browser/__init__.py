"""What a person sees in the pages of a real Airflow, through a real browser."""
