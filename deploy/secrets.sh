#!/bin/sh
# Makes the secrets of an installation in containers, one file each, in the folder that is named; what is there already stays as it is.
# Only its owner can enter the folder; the containers get those files alone that docker-compose.yml names for them.
#
#   sh deploy/secrets.sh secrets
#
# Afterwards: write the address of the mail server into email_url, and put copies of file_key and backup_key into a safe.
set -eu
folder=${1:?name the folder}
umask 022
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # the name of a file; its content comes in
    if [ -e "$folder/$1" ]; then
        cat > /dev/null
    else
        cat > "$folder/.$1.new"
        chmod 644 "$folder/.$1.new"
        mv "$folder/.$1.new" "$folder/$1"
    fi
}

random() { # so many bytes, as letters, digits, - and _, which may stand in an address
    head -c "$1" /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_'
}

for each in postgres_password owner_password app_password backup_password redis_password; do
    random 24 | keep "$each"
done
random 64 | keep secret_key
for each in file_key backup_key; do
    head -c 32 /dev/urandom | base64 | tr -d '\n' | keep "$each"
done
for each in turn_secret livekit_secret metrics_token database_replica_url s3 oidc; do
    printf '' | keep "$each" # none: fill in what is wanted
done
of() {
    cat "$folder/$1"
}
printf 'postgresql://mdo_app:%s@postgres:5432/mdo' "$(of app_password)" | keep database_url
printf 'postgresql://mdo_owner:%s@postgres:5432/mdo' "$(of owner_password)" | keep database_owner_url
printf 'postgresql://mdo_backup:%s@postgres:5432/mdo' "$(of backup_password)" | keep database_backup_url
printf 'redis://:%s@redis:6379/0' "$(of redis_password)" | keep redis_url
printf 'smtp://mail.example.org:25' | keep email_url
